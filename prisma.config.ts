import { defineConfig } from 'prisma/config'

/** Where the Prisma CLI finds the schema, the migrations and, when it is set, the database. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations', seed: 'node prisma/seed.ts' },
  datasource: { url: process.env['DATABASE_URL'] ?? '' },
})
