import type { ModelCommandDraft } from '../../contract/types.ts'
import type { RegistryKind } from '../../model-service/ports/registry.ts'

/** What a command says. */
export type CommandBody = ModelCommandDraft['command']

/** A definition as one writes it: its id, and what has no default. */
export interface DefinitionDraft {
  id: string
}

/** The commands that change an entity. */
export interface EntityCommands {
  register(definition: DefinitionDraft): CommandBody
  /** `fields` are taken over, the others stay; refused when the last change is another version than the expected one. */
  update(definition: DefinitionDraft, fields: string[], expectedVersion: number | null): CommandBody
  remove(id: string, expectedVersion: number | null): CommandBody
}

/** The commands of each kind of registry entity. */
export const entityCommands: { readonly [TKind in RegistryKind]: EntityCommands } = {
  MODEL: {
    register: (model) => ({ type: 'RegisterModel', model }),
    update: (model, fields, expectedVersion) => ({ type: 'UpdateModel', model, fields, expectedVersion }),
    remove: (id, expectedVersion) => ({ type: 'DeleteModel', id, expectedVersion }),
  },
  PROVIDER: {
    register: (provider) => ({ type: 'RegisterProvider', provider }),
    update: (provider, fields, expectedVersion) => ({ type: 'UpdateProvider', provider, fields, expectedVersion }),
    remove: (id, expectedVersion) => ({ type: 'DeleteProvider', id, expectedVersion }),
  },
  ROUTE: {
    register: (route) => ({ type: 'RegisterRoute', route }),
    update: (route, fields, expectedVersion) => ({ type: 'UpdateRoute', route, fields, expectedVersion }),
    remove: (id, expectedVersion) => ({ type: 'DeleteRoute', id, expectedVersion }),
  },
}
