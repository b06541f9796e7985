// How many things are done at a time.

/** Lets so many tasks run at a time; the others wait in the order in which they came. */
export class Gate {
  private readonly waiting: (() => void)[] = []

  constructor(private free: number) {}

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.free > 0) --this.free
    else await new Promise<void>((enter) => this.waiting.push(enter))
    try {
      return await task()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else ++this.free
    }
  }
}

/** Waits until all tasks have come to an end, and throws the first failure of them, so that nothing goes on behind the caller's back. */
export async function allDone(tasks: Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(tasks)).find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}
