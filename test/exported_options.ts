// Which exported functions, constructors and methods take an object of options, found in their types.
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '#root'

const entries = ['index', 'ops/index', 'plot/index', 'report/index', 'reproduce/index', 'bench/index'].map((name) =>
  join(root, 'lib', `${name}.ts`),
)

/** An object some of whose properties may be left out; no instance of a class, nothing with methods of its own, no list, function or table. */
function isOptions(checker: ts.TypeChecker, given: ts.Type): boolean {
  const type = checker.getNonNullableType(given)
  if (type.isUnion()) return type.types.some((one) => isOptions(checker, one))
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) return false
  if (type.symbol && type.symbol.flags & ts.SymbolFlags.Class) return false
  if (checker.isArrayLikeType(type) || checker.getSignaturesOfType(type, ts.SignatureKind.Call).length > 0) return false
  if (checker.getIndexInfosOfType(type).length > 0) return false
  const from = type.symbol?.declarations?.[0]?.getSourceFile().fileName ?? ''
  // Map, AbortSignal and the like.
  if (/typescript\/lib\/|@types/.test(from) && type.symbol?.name !== '__type') return false
  const properties = checker.getPropertiesOfType(type)
  const isMethod = (property: ts.Symbol) =>
    !(property.flags & ts.SymbolFlags.Optional) &&
    checker.getSignaturesOfType(checker.getTypeOfSymbol(property), ts.SignatureKind.Call).length > 0
  return properties.some(({ flags }) => flags & ts.SymbolFlags.Optional) && !properties.some(isMethod)
}

/** `trainLocal(options)`, `new Network(config)`, `Network.load(options)`, `Network#forward(options)`: function and parameter, with the options' names. */
export function exportedOptions(): Map<string, string[]> {
  const config = ts.readConfigFile(join(root, 'tsconfig.build.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root)
  const program = ts.createProgram(entries, options)
  const checker = program.getTypeChecker()
  const found = new Map<string, string[]>()
  const add = (name: string, type: ts.Type, kind = ts.SignatureKind.Call): void => {
    for (const { parameters } of checker.getSignaturesOfType(type, kind))
      for (const parameter of parameters) {
        const given = checker.getNonNullableType(checker.getTypeOfSymbol(parameter))
        if (isOptions(checker, given))
          found.set(
            `${name}(${parameter.name.startsWith('__') ? 'options' : parameter.name})`,
            checker.getPropertiesOfType(given).map((property) => property.name),
          )
      }
  }
  const isHidden = ({ declarations = [] }: ts.Symbol): boolean =>
    declarations.some((d) => ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Private)
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile) as ts.Symbol
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      if (!(symbol.flags & ts.SymbolFlags.Value)) continue
      const type = checker.getTypeOfSymbol(symbol)
      add(symbol.name, type)
      if (!(symbol.flags & ts.SymbolFlags.Class)) continue
      add(`new ${symbol.name}`, type, ts.SignatureKind.Construct)
      for (const [mark, owner] of [
        ['.', type],
        ['#', checker.getDeclaredTypeOfSymbol(symbol)],
      ] as const)
        for (const method of checker.getPropertiesOfType(owner))
          if (!isHidden(method)) add(`${symbol.name}${mark}${method.name}`, checker.getTypeOfSymbol(method))
    }
  }
  return found
}
