/** The record of the contract that holds the definition of each kind of registry entity. */
export const definitionNames = {
  MODEL: 'ModelDefinition',
  PROVIDER: 'ProviderDefinition',
  ROUTE: 'RouteDefinition',
} as const
