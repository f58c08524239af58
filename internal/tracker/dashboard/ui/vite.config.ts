import { defineConfig } from 'vitest/config'

export default defineConfig({
  build: {
    outDir: '../dist',
    // The placeholder that keeps dist/ in the repository must survive a build;
    // build.sh empties the rest.
    emptyOutDir: false,
    // The policy of the page has no data:, so nothing may be inlined.
    assetsInlineLimit: 0,
    target: ['chrome109', 'edge109', 'firefox115', 'safari15.6'],
    cssTarget: ['chrome109', 'firefox115', 'safari15.6'],
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: {
      // React Query marks its modules for server rendering, which is not done here.
      onLog: (level, log, report) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log)
      },
    },
  },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
})
