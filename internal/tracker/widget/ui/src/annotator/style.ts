export const css = `.bsa-editor{position:fixed;inset:0;z-index:2;display:flex;flex-direction:column;background:var(--bs-raised,#f6f7f9);color:var(--bs-text,#1a1d23);font:14px/1.4 inherit;font-family:inherit;font-size:14px;text-align:start}
.bsa-bar{display:flex;flex-wrap:wrap;align-items:center;gap:4px 14px;padding:8px 14px;background:var(--bs-ground,#fff);border-block-end:1px solid var(--bs-line,#d5d9e0);flex:none}
.bsa-group{display:flex;align-items:center;gap:2px}
.bsa-end{margin-inline-start:auto;gap:8px}
.bsa-button{display:inline-flex;align-items:center;justify-content:center;min-width:36px;min-height:36px;padding:6px;border:1px solid transparent;border-radius:var(--bs-radius,8px);background:none;color:inherit;font:inherit;cursor:pointer}
.bsa-button:hover{background:var(--bs-raised,#f6f7f9)}
.bsa-button[aria-pressed=true]{background:var(--bs-text,#1a1d23);color:var(--bs-ground,#fff)}
.bsa-button[aria-disabled=true]{opacity:.4;cursor:default}
.bsa-text{padding:6px 14px;border-color:var(--bs-strong-line,#878e9a)}
.bsa-done{background:var(--bs-accent,#e94560);color:var(--bs-on-accent,#fff);border-color:transparent;font-weight:600}
.bsa-done:hover{background:var(--bs-accent,#e94560);filter:brightness(.94)}
.bsa-color{min-width:28px;min-height:28px;padding:4px;border-radius:50%}
.bsa-dot{display:block;width:18px;height:18px;border-radius:50%;box-shadow:0 0 0 1px #0003,0 0 0 1px #fff6 inset}
.bsa-color[aria-pressed=true]{background:none;border-color:var(--bs-text,#1a1d23);border-width:2px}
.bsa-surface{position:relative;flex:1;min-height:0;overflow:hidden;touch-action:none;cursor:crosshair;outline-offset:-3px}
.bsa-surface canvas{position:absolute;inset:0;width:100%;height:100%;display:block}
.bsa-input{position:absolute;min-width:120px;padding:2px 4px!important;min-height:0!important;width:auto!important;border:2px dashed var(--bs-focus,#1a66d6)!important;background:#fffe!important;color:#111!important;transform:translateY(-50%)}
.bsa-said{padding:4px 14px;min-height:26px;color:var(--bs-quiet,#59606c);background:var(--bs-ground,#fff);border-block-start:1px solid var(--bs-line,#d5d9e0);font-size:12.5px;flex:none}
.bsa-editor :focus-visible{outline:2px solid var(--bs-focus,#1a66d6);outline-offset:1px}
.bsa-surface:focus-visible{outline-offset:-3px}
@media(max-width:640px){.bsa-editor{flex-direction:column-reverse}.bsa-said{display:none}.bsa-bar{border-block:1px solid var(--bs-line,#d5d9e0);gap:2px 8px;padding:6px 8px max(6px,env(safe-area-inset-bottom));justify-content:space-between}.bsa-button{min-width:40px;min-height:40px}.bsa-color{min-width:34px;min-height:40px}.bsa-zoom{display:none}.bsa-end{width:100%;justify-content:flex-end}}
@media(forced-colors:active){.bsa-button[aria-pressed=true]{background:Highlight;color:HighlightText;forced-color-adjust:none}.bsa-dot{forced-color-adjust:none}.bsa-done{border-color:ButtonText}}`
