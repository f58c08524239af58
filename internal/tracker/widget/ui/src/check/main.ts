/** Says in words what the page's policy costs. It tries nothing that the policy would report. */
export async function check(): Promise<string[]> {
  const out: string[] = []
  if (!('adoptedStyleSheets' in Document.prototype)) out.push('This browser needs style-src \'unsafe-inline\' for the look of the form; newer ones do not.')
  if (!isSecureContext) out.push('The page is not loaded over https: the browser shares no screen and keeps no lock between tabs.')
  if (!navigator.mediaDevices?.getDisplayMedia) out.push('This browser shares no screen; the picture of the page is drawn by the widget.')
  try {
    localStorage.getItem('bugspark:queue')
  } catch {
    out.push('Storage is forbidden: a report that cannot be sent is lost when the page is left.')
  }
  return out
}
