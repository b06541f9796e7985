const { resolve } = require('node:path')

exports.root = resolve(__dirname, '..')
