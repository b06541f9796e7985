// Options in messages that both a program and the command line show.

/** Options whose flags are called otherwise than their own names in kebab case. */
const flags: Readonly<Record<string, string>> = { from: 'time-from', to: 'time-to', memoryLimit: 'image-memory' }

/** The flag of an option: `--first-index` of `firstIndex`. */
export const flagOf = (option: string): string =>
  `--${flags[option] ?? option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
