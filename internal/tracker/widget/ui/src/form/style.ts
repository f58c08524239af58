export const css = `dialog{position:fixed;margin:0;padding:0;border:1px solid var(--bs-line);border-radius:14px;background:var(--bs-ground);color:var(--bs-text);width:min(460px,calc(100vw - 32px));max-width:none;max-height:min(760px,calc(100vh - 32px));max-height:min(760px,calc(100dvh - 32px));overflow:hidden;box-shadow:0 2px 6px #0002,0 18px 60px #0004;font:inherit;inset:auto}
dialog[open]{display:flex;flex-direction:column}
dialog::backdrop{background:#0b0d1240}
.bs[data-position$=right] dialog{right:16px}.bs[data-position$=left] dialog{left:16px}
.bs[data-position^=bottom] dialog{bottom:16px}.bs[data-position^=top] dialog{top:16px}
header{display:flex;align-items:center;gap:10px;padding:16px 12px 12px 20px;flex:none}
header img{max-height:28px;max-width:120px}
h2{margin:0;font-size:17px;font-weight:600;line-height:1.3;flex:1;outline:none}
.body{padding:2px 20px 16px;overflow:auto;display:flex;flex-direction:column;gap:14px;flex:1;min-height:0;overscroll-behavior:contain}
form{display:flex;flex-direction:column;min-height:0;flex:1;margin:0}
footer{display:flex;gap:8px;align-items:center;justify-content:flex-end;padding:12px 20px;border-top:1px solid var(--bs-line);flex:none;background:var(--bs-ground)}
footer .mark{margin-inline-end:auto;color:var(--bs-quiet);font-size:12px}
.field{display:flex;flex-direction:column;gap:5px;min-width:0}
label,.label{font-weight:600;font-size:13px}
.optional{font-weight:400;color:var(--bs-quiet)}
.hint{color:var(--bs-quiet);font-size:12.5px;margin:0}
.hint:empty{display:none}
p{margin:0}
input:not([type=checkbox]):not([type=radio]),textarea,select{font:inherit;color:var(--bs-text);background:var(--bs-ground);border:1px solid var(--bs-strong-line);border-radius:var(--bs-radius);padding:8px 10px;width:100%;min-height:38px;margin:0}
textarea{min-height:84px;resize:vertical}
input::placeholder,textarea::placeholder{color:var(--bs-quiet);opacity:1}
:is(input,textarea,select,button,summary,pre):focus-visible{outline:2px solid var(--bs-focus,#1a66d6);outline-offset:1px}
.bs[data-theme=dark]{--bs-focus:#7db2ff}
[aria-invalid=true]{border-color:var(--bs-bad)!important}
.bad{color:var(--bs-bad);font-size:13px;margin:0}
.bad:empty{display:none}.bad[role=alert]{scroll-margin:16px}
fieldset{border:0;margin:0;padding:0;min-width:0}
legend{padding:0;margin-bottom:5px;font-weight:600;font-size:13px}
.choices{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;border:1px solid var(--bs-strong-line);border-radius:var(--bs-radius);overflow:hidden}
.choices label{position:relative;display:flex;align-items:center;justify-content:center;text-align:center;padding:7px 4px;font-weight:500;font-size:13px;line-height:1.25;cursor:pointer;border-inline-start:1px solid var(--bs-strong-line)}
.choices label:first-child{border-inline-start:0}
.choices input{position:absolute;inset:0;opacity:0;margin:0;cursor:pointer;width:100%;height:100%}
.choices label[data-on]{background:var(--bs-text);color:var(--bs-ground)}
.choices label:focus-within{outline:2px solid var(--bs-focus,#1a66d6);outline-offset:-3px}
.row{display:grid;grid-template-columns:1fr 1fr;gap:12px}
button{font:inherit;color:inherit}
.plain,.main,.tool,.icon,.link{border-radius:var(--bs-radius);cursor:pointer;min-height:38px;border:1px solid transparent;background:none;padding:7px 14px}
.plain{border-color:var(--bs-strong-line)}
.plain:hover,.tool:hover,.icon:hover{background:var(--bs-raised)}
.main{background:var(--bs-accent);color:var(--bs-on-accent);font-weight:600}
.main:hover{filter:brightness(.94)}
.main[aria-disabled=true]{opacity:.7;cursor:default}
.icon{padding:8px;min-height:36px;line-height:0;border-radius:50%}
.link{padding:0;min-height:24px;color:inherit;text-decoration:underline;text-underline-offset:3px;text-align:start}
.check{display:flex;gap:8px;align-items:flex-start;font-weight:400;font-size:14px}
input[type=checkbox]{width:16px;height:16px;margin:2px 0 0;flex:none;accent-color:var(--bs-text)}
.shot{display:flex;flex-direction:column;gap:8px;border:1px dashed var(--bs-strong-line);border-radius:var(--bs-radius);padding:10px}
.shot[data-over]{background:var(--bs-raised)}
.preview{display:block;max-width:100%;max-height:220px;margin:0 auto;border-radius:4px;box-shadow:0 0 0 1px var(--bs-line)}
.tools{display:flex;flex-wrap:wrap;gap:4px 6px;align-items:center}
.tool{display:inline-flex;align-items:center;gap:6px;padding:5px 9px;min-height:32px;font-size:13px}
.tool.wide{justify-content:center;border-color:var(--bs-strong-line);min-height:44px;font-size:14px;font-weight:500;background:var(--bs-ground)}
.tool svg{flex:none}
.trap{position:absolute!important;left:-9999px!important;width:1px!important;height:1px!important;overflow:hidden}
.part{display:flex;gap:8px;align-items:flex-start}
.part details{flex:1;min-width:0;border:1px solid var(--bs-line);border-radius:var(--bs-radius);padding:0 12px}
.part summary{cursor:pointer;padding:8px 0;font-weight:500}
.part>input{margin-top:11px}

pre{margin:0 0 10px;padding:10px;background:var(--bs-raised);border-radius:6px;font:12px/1.5 ui-monospace,SFMono-Regular,Consolas,"Liberation Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere;max-height:260px;overflow:auto}
.shots{display:grid;gap:8px;padding-bottom:10px}
.end{padding:28px 24px 24px;display:flex;flex-direction:column;gap:12px;align-items:center;text-align:center;overflow:auto}
.end .sign{width:52px;height:52px;border-radius:50%;display:grid;place-items:center;color:var(--bs-good);border:2px solid currentColor}
.end h2{flex:none}
.end p{color:var(--bs-quiet)}
.ask{position:absolute;inset:0;display:flex;flex-direction:column;justify-content:flex-end;background:#0b0d1280;z-index:1}
.ask>div{background:var(--bs-ground);padding:20px;display:flex;flex-direction:column;gap:12px;border-top:1px solid var(--bs-line)}
.ask .tools{justify-content:flex-end}
@media(max-width:520px){dialog{inset:auto 0 0 0!important;width:100vw;max-height:94vh;max-height:94dvh;border-radius:14px 14px 0 0;border-width:1px 0 0}.choices label,.tool{min-height:40px}.row{grid-template-columns:1fr}footer{padding-bottom:max(12px,env(safe-area-inset-bottom))}footer .main{flex:1}footer .mark{display:none}}
@media(max-height:460px){dialog{max-height:100vh;bottom:0!important;top:0!important}}
@media(prefers-reduced-motion:no-preference){dialog[open]{animation:bs-in .16s ease-out}@keyframes bs-in{from{opacity:0;transform:translateY(8px)}}}
@media(forced-colors:active){.choices label[data-on]{background:Highlight;color:HighlightText;forced-color-adjust:none}.main{border-color:ButtonText}}`
