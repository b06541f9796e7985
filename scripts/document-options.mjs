// A plugin of typedoc. Types of options are inferred from their schemas; on their pages stand their fields, and of each field what its schema says:
// its description, what it accepts, its default. Needs the compiled package: `npm run build:ts`.
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc'
import ts from 'typescript'
import { root } from './root.mjs'

const require = createRequire(import.meta.url)
const compiled = (file) => require(join(root, 'dist', 'cjs', file.replace(/\.ts$/, '.js')))
const { describeSchema, unwrapped } = compiled('options.ts')

/** Types that a declaration takes from schemas: of each `z.input<typeof schema>` in it, the name of the schema. */
function schemaNames(declaration) {
  const names = []
  const visit = (node) => {
    const isInferred =
      (ts.isTypeReferenceNode(node) && /^z\.(input|output|infer)$/.test(node.typeName.getText())) ||
      (ts.isExpressionWithTypeArguments(node) && /^z\.(input|output|infer)$/.test(node.expression.getText()))
    const [query] = isInferred ? node.typeArguments : []
    if (query && ts.isTypeQueryNode(query) && ts.isIdentifier(query.exprName)) names.push(query.exprName)
    else ts.forEachChild(node, visit)
  }
  if (ts.isTypeAliasDeclaration(declaration)) visit(declaration.type)
  if (ts.isInterfaceDeclaration(declaration)) for (const clause of declaration.heritageClauses ?? []) visit(clause)
  return names
}

/** The schema of a name in the source, as the compiled package has it. */
function schemaOf(context, name) {
  const local = context.checker.getSymbolAtLocation(name)
  const symbol = local.flags & ts.SymbolFlags.Alias ? context.checker.getAliasedSymbol(local) : local
  const file = relative(join(root, 'lib'), symbol.declarations[0].getSourceFile().fileName)
  const schema = compiled(file)[symbol.name]
  if (!schema) throw new Error(`${file}: the schema ${symbol.name} is not exported; expected so, for the pages of its options`)
  return schema
}

/** The schema of an object or of a list's elements: the schemas that say what its fields are. */
function objectsOf(schema) {
  const inner = unwrapped(schema)
  if (inner.def.type === 'object') return [inner]
  if (inner.def.type === 'union') return inner.options.flatMap(objectsOf)
  if (inner.def.type === 'array') return objectsOf(inner.element)
  return []
}

function defaultOf({ def }) {
  if (def.type === 'default' || def.type === 'prefault') return def.defaultValue
  return def.innerType ? defaultOf(def.innerType) : undefined
}

function descriptionOf(schema) {
  return schema.description ?? (schema.def.innerType ? descriptionOf(schema.def.innerType) : undefined)
}

/** A schema without what only says what happens when nothing is given. */
const given = (schema) => (['default', 'prefault', 'optional'].includes(schema.def.type) ? given(schema.def.innerType) : schema)

/** What is said of a field: `images at a time; a whole number of at least 1. Default: 64.` */
function textOf(schema) {
  const accepts = objectsOf(schema).length === 0 ? describeSchema(given(schema)) : ''
  const description = descriptionOf(schema)
  const value = defaultOf(schema)
  const said = [description, accepts === description ? '' : accepts].filter(Boolean).join('; ')
  // Of the memory of this machine nothing is said.
  const isKnown = value !== undefined && !(typeof value === 'number' && value > 1e9)
  return [said && `${said}.`, isKnown && `Default: \`${JSON.stringify(value)}\`.`].filter(Boolean).join(' ')
}

/** Says of fields what their schemas say, where nothing else is said of them, and so of the fields within. */
function describeFields(fields, schemas) {
  for (const field of fields ?? []) {
    const own = schemas.flatMap(({ shape }) => (Object.hasOwn(shape, field.name) ? [shape[field.name]] : []))
    if (own.length === 0) continue
    const texts = [...new Set(own.map(textOf).filter(Boolean))]
    field.comment ??= new Comment()
    if (texts.length > 0 && field.comment.summary.length === 0)
      field.comment.summary = [{ kind: 'text', text: texts.join(' Or: ') }]
    // What typedoc finds is the schema's source.
    delete field.defaultValue
    describeType(field.type, own.flatMap(objectsOf))
  }
}

function describeType(type, schemas) {
  if (schemas.length === 0) return
  if (type?.type === 'reflection') {
    const fields = type.declaration.children ?? []
    const kind = fields.find(({ name }) => name === 'kind')?.type
    const isOfKind = ({ shape }) => kind?.type !== 'literal' || !shape.kind || shape.kind.safeParse(kind.value).success
    const fitting = schemas.filter((one) => isOfKind(one) && fields.every(({ name }) => Object.hasOwn(one.shape, name)))
    describeFields(fields, fitting.length > 0 ? fitting : schemas)
  } else if (type?.type === 'array') describeType(type.elementType, schemas)
  else if (type?.type === 'typeOperator') describeType(type.target, schemas)
  else if (type?.type === 'union' || type?.type === 'intersection') for (const one of type.types) describeType(one, schemas)
}

/** Everything that takes options refuses those that it does not have. */
function addThrows(signature) {
  if (!signature.parameters?.some(({ name }) => name === 'options')) return
  signature.comment ??= new Comment()
  const isSaid = signature.comment.blockTags.some(
    ({ tag, content }) => tag === '@throws' && content.some(({ text }) => text.includes('OptionError')),
  )
  const text = '{@link index.OptionError} for an option that is unknown or out of its range'
  if (!isSaid) signature.comment.blockTags.push(new CommentTag('@throws', [{ kind: 'text', text }]))
}

export function load(app) {
  const described = new Map()
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf([ReflectionKind.TypeAlias, ReflectionKind.Interface])) return
    const declarations = context.getSymbolFromReflection(reflection)?.declarations ?? []
    const names = declarations.flatMap(schemaNames)
    if (names.length === 0) return
    described.set(
      reflection,
      names.map((name) => schemaOf(context, name)),
    )
    if (!reflection.kindOf(ReflectionKind.TypeAlias)) return
    reflection.comment ??= new Comment()
    reflection.comment.modifierTags.add('@useDeclaredType')
  })
  app.converter.on(Converter.EVENT_CREATE_SIGNATURE, (_context, signature) => addThrows(signature))
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, () => {
    for (const [reflection, schemas] of described) {
      const objects = schemas.flatMap(objectsOf)
      if (reflection.children) describeFields(reflection.children, objects)
      else describeType(reflection.type, objects)
    }
  })
}
