/** The texts of one language. {n} and the like are filled in. */
export interface Texts {
  form: {
    heading: string
    title: string
    titleHint: string
    description: string
    descriptionHint: string
    severity: string
    severities: { low: string; medium: string; high: string; critical: string }
    category: string
    categories: { bug: string; ui: string; performance: string; crash: string; other: string }
    email: string
    emailHint: string
    optional: string
    picture: string
    capture: string
    capturing: string
    share: string
    shareHint: string
    choose: string
    dropHint: string
    annotate: string
    retake: string
    remove: string
    pictureAlt: string
    covered: string
    console: string
    consoleLines: string
    preview: string
    cancel: string
    send: string
    sending: string
    close: string
    keep: string
    discard: string
    closeQuestion: string
    closeExplained: string
    sent: string
    sentNumber: string
    sentWithoutPicture: string
    kept: string
  }
  preview: {
    heading: string
    explained: string
    include: string
    picture: string
    console: string
    network: string
    actions: string
    device: string
    exact: string
    bytes: string
    pictureKey: string
    back: string
    empty: string
  }
  problem: {
    title: string
    titleLong: string
    email: string
    pause: string
    key: string
    origin: string
    size: string
    invalid: string
    picture: string
    file: string
    foreign: string
    missing: string
    part: string
    cancelled: string
    unknown: string
  }
  annotator: {
    heading: string
    pen: string
    arrow: string
    rectangle: string
    ellipse: string
    text: string
    blur: string
    crop: string
    undo: string
    redo: string
    zoomIn: string
    zoomOut: string
    zoomReset: string
    color: string
    colors: { red: string; orange: string; yellow: string; green: string; blue: string; black: string }
    width: string
    widths: { thin: string; medium: string; thick: string }
    done: string
    cancel: string
    canvas: string
    keyboard: string
    typeHere: string
    place: string
    deleted: string
    added: string
  }
}
