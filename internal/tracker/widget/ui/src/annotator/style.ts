/** The style sheet of the editor. The form beside it styles bare elements, hence the repeated class. */
import { family } from './shapes.ts'

const light = '--bsa-ground:var(--bs-ground,#fff);--bsa-text:var(--bs-text,#1a1d23);--bsa-line:var(--bs-line,#d5d9e0);--bsa-raised:var(--bs-raised,#f1f3f6);--bsa-stage:#e3e6eb;--bsa-focus:#1a66d6;color-scheme:light'
const dark = '--bsa-ground:var(--bs-ground,#1b1e24);--bsa-text:var(--bs-text,#eceef2);--bsa-line:var(--bs-line,#3a404b);--bsa-raised:var(--bs-raised,#2a2f38);--bsa-stage:#0e1014;--bsa-focus:#7db2ff;color-scheme:dark'
const editor = '.bsa-editor.bsa-editor.bsa-editor'

export const css = `.bsa-editor{${light}}
@media(prefers-color-scheme:dark){.bsa-editor{${dark}}}
[data-theme=light] .bsa-editor{${light}}
[data-theme=dark] .bsa-editor{${dark}}
${editor}{position:fixed;inset:0!important;z-index:2147483647;box-sizing:border-box;width:100vw;height:100vh;height:100dvh;max-width:none!important;max-height:none!important;margin:0;padding:0;border:0;border-radius:0;overflow:hidden;box-shadow:none;background:var(--bsa-stage);color:var(--bsa-text);font:14px/1.4 ${family};display:grid;grid-template:auto minmax(0,1fr)/1fr auto;-webkit-user-select:none;user-select:none;-webkit-tap-highlight-color:transparent;animation:none}
.bsa-editor *{box-sizing:border-box}
.bsa-editor::backdrop{background:none}
.bsa-draw,.bsa-end{display:flex;align-items:center;gap:8px;padding:8px 16px;background:var(--bsa-ground);border-block-end:1px solid var(--bsa-line);min-width:0}
.bsa-end{padding-inline-start:0}
.bsa-group{display:flex;align-items:center;gap:2px;flex:none}
.bsa-group+.bsa-group{border-inline-start:1px solid var(--bsa-line);padding-inline-start:8px}
.bsa-back{margin-inline-end:8px}
.bsa-button{display:inline-flex;align-items:center;justify-content:center;min-width:40px;height:40px;margin:0;padding:0;border:1px solid transparent;border-radius:var(--bs-radius,8px);background:none;color:inherit;font:inherit;font-weight:500;cursor:pointer}
.bsa-button:hover{background:var(--bsa-raised)}
.bsa-editor :focus-visible.bsa-button{outline:2px solid var(--bsa-focus);outline-offset:1px}
.bsa-button[aria-disabled=true]{opacity:.35;cursor:default;background:none}
.bsa-tool:is([aria-pressed=true],[aria-checked=true]){background:var(--bsa-text);color:var(--bsa-ground)}
.bsa-color{min-width:34px;border-radius:50%}
.bsa-dot{width:20px;height:20px;border-radius:50%;box-shadow:0 0 0 1px #8886}
.bsa-color[aria-checked=true] .bsa-dot{box-shadow:0 0 0 3px var(--bsa-ground),0 0 0 5px var(--bsa-text)}
.bsa-color:hover{background:none}
.bsa-cancel,.bsa-done{padding:0 16px;white-space:nowrap}
.bsa-cancel{border-color:var(--bsa-line)}
.bsa-done{background:var(--bs-accent,#1a66d6);color:var(--bs-on-accent,#fff);font-weight:600}
.bsa-done:hover{background:var(--bs-accent,#1a66d6);filter:brightness(.94)}
.bsa-stage{position:relative;grid-column:1/-1;min-width:0;min-height:0}
.bsa-surface{position:absolute;inset:0;overflow:hidden;outline:none;touch-action:none;cursor:crosshair}
.bsa-surface[data-pan]{cursor:grab}
.bsa-surface[data-pan]:active{cursor:grabbing}
.bsa-surface:focus-visible::after{content:"";position:absolute;inset:0;border:2px solid var(--bsa-focus);pointer-events:none}
.bsa-canvas{position:absolute;inset:0;width:100%;height:100%;pointer-events:none}
.bsa-canvas:first-child{filter:drop-shadow(0 1px 2px #0003) drop-shadow(0 6px 20px #0002)}
${editor} .bsa-type{position:absolute;transform:translate(-7px,-50%);min-width:64px;max-width:100%;min-height:0;height:auto;margin:0;padding:1px 6px;border:0;border-radius:4px;outline:2px solid var(--bsa-focus);text-align:left;line-height:1.3!important;-webkit-user-select:text;user-select:text;box-shadow:0 2px 12px #0003}
.bsa-zoom{position:absolute;inset-block-end:16px;inset-inline-end:16px;display:flex;padding:3px;border-radius:calc(var(--bs-radius,8px) + 4px);background:var(--bsa-ground);border:1px solid var(--bsa-line);box-shadow:0 2px 10px #0002}
.bsa-hint{position:absolute;inset-block-end:16px;inset-inline:16px 170px;width:fit-content;max-width:560px;margin:0;padding:8px 12px;border-radius:var(--bs-radius,8px);background:var(--bsa-ground);border:1px solid var(--bsa-line);font-size:13px;box-shadow:0 2px 10px #0002;pointer-events:none;visibility:hidden}
.bsa-surface:focus-visible~.bsa-hint{visibility:visible}
.bsa-live{position:absolute;width:1px;height:1px;margin:0;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media(max-width:959px){
${editor}{grid-template:auto minmax(0,1fr) auto/1fr}
.bsa-end{grid-row:1;padding-inline:8px}
.bsa-back{order:1;margin-inline:auto}
.bsa-done{order:2}
.bsa-stage{grid-row:2}
.bsa-draw{grid-row:3;flex-wrap:wrap;justify-content:center;gap:4px 0;border-block:1px solid var(--bsa-line);border-block-end:0;padding:6px 0 max(6px,env(safe-area-inset-bottom))}
.bsa-group+.bsa-group{border:0;padding:0}
.bsa-draw .bsa-group{gap:0}
.bsa-color{min-width:40px}
.bsa-zoom{inset-block-end:10px;inset-inline-end:10px}
.bsa-hint{inset-block:10px auto;inset-inline:10px}
}
@media(max-width:679px){.bsa-draw .bsa-group:first-child{flex:1 0 100%;justify-content:center;gap:0 1vw}}
@media(prefers-reduced-motion:no-preference){${editor}{animation:bsa-in .14s ease-out}@keyframes bsa-in{from{opacity:0}}}
@media(forced-colors:active){.bsa-button{border-color:ButtonBorder}.bsa-dot{forced-color-adjust:none}.bsa-tool:is([aria-pressed=true],[aria-checked=true]){background:Highlight;color:HighlightText;forced-color-adjust:none}.bsa-color[aria-checked=true]{outline:3px solid Highlight;outline-offset:-2px}.bsa-surface:focus-visible::after{border-color:Highlight}}`
