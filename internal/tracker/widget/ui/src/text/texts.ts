/** They stand in the public interface, because a page may give its own. */
export type { Texts } from '../../widget.d.ts'
