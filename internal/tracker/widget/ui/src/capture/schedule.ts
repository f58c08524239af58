/** Cuts the work into tasks, so that the page stays usable meanwhile. */

/** In milliseconds; a task of 50 counts as long. */
const slice = 30

interface Scheduler { yield?: () => Promise<void> }

export class Clock {
  private start = performance.now()
  private since = this.start
  constructor(private budget: number) {}

  /** Whether to pause now. */
  due(): boolean {
    return performance.now() - this.since > slice
  }

  /** Whether the whole budget is used up. */
  over(): boolean {
    return performance.now() - this.start > this.budget
  }

  left(): number {
    return Math.max(0, this.budget - (performance.now() - this.start))
  }

  async pause(): Promise<void> {
    const scheduler = (globalThis as { scheduler?: Scheduler }).scheduler
    if (scheduler?.yield) await scheduler.yield()
    else await new Promise((done) => setTimeout(done))
    this.since = performance.now()
  }
}
