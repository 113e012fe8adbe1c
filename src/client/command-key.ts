import type { ModelCommandDraft } from '../contract/types.ts'

/** Key of a command's record: the id of what it changes, so that commands about one thing stay in order. */
export function commandKey({ command, commandId }: ModelCommandDraft): string {
  switch (command.type) {
    case 'RegisterModel':
    case 'UpdateModel':
      return command.model.id ?? commandId
    case 'RegisterProvider':
    case 'UpdateProvider':
      return command.provider.id ?? commandId
    case 'RegisterRoute':
    case 'UpdateRoute':
      return command.route.id ?? commandId
    case 'DeleteModel':
    case 'SetModelStatus':
    case 'DeleteProvider':
    case 'DeleteRoute':
      return command.id
    case 'RecordFeedback':
    case 'CancelRequest':
      return command.requestId
    case 'SetLimits':
      return command.provider
    default:
      return command satisfies never
  }
}
