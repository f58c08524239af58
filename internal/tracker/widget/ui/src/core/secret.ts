/** Words that stand before or name a secret. A mere "key" does not. */
export const secretWord =
  'pass(?:word|wd|phrase|code)?|kennwort|geheim|contraseña|clave|密碼|密码|驗證碼|pwd|secret|token|api[-_ ]?key|access[-_]?key|private[-_]?key|bearer|authorization|credentials?|session[-_]?id|sessid|jsessionid|phpsessid|jwt|cookie|csrf|xsrf|otp|cvv|cvc|ssn|iban|signature'

const secretMember = new RegExp(`(?:${secretWord})|^(?:auth|sid|sig|pin|code|ticket|samlresponse|card|x-amz-credential)$|card[-_]?(?:number|no)|(?:^|[-_])(?:pin|sid|auth|sig)$`, 'i')

/** Whether a member, header or parameter of this name holds a secret. */
export function secretName(name: string): boolean {
  return secretMember.test(name.slice(0, 200).replace(/([a-z])([A-Z])/g, '$1_$2')) || secretMember.test(name.slice(0, 200))
}
