export * from './outline.js'
export * from './shapes.js'
export * from './sheets.js'
export * from './solid.js'
