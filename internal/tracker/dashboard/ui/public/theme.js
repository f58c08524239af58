// Runs before the first paint, so that a chosen theme never flashes.
try {
  var theme = localStorage.getItem('bugspark.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch (e) {
  // Storage is switched off: the system's preference rules.
}
