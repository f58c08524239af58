/** Watches the network from a module: what passes through a script that was loaded without CORS is muted. */
export { watchNetwork } from '../core/network.ts'
