// Who is signed in, and the one client everything asks through.

import { QueryClient, QueryClientProvider, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useState, type ReactNode } from 'react'
import { ApiError, Client } from './client'
import { wholeKey } from './projects'
import type { Project, Report, ReportPage, User } from './types'
import { isManifest, type Manifest } from './widget'
import { toQuery, type Filters } from '../filters'

const Context = createContext<Client | null>(null)

/** Answers that another try cannot change are not asked for again. */
function retry(failures: number, error: unknown): boolean {
  return failures < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502)
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [{ queries, client }] = useState(() => {
    const queries = new QueryClient({
      defaultOptions: { queries: { retry, retryDelay: (n) => 500 * 2 ** n, staleTime: 15_000 }, mutations: { retry: false } },
    })
    const client = new Client({
      fetch: (input, init) => fetch(input, init),
      cookies: () => document.cookie,
      signedOut: () => queries.setQueryData(['me'], null),
      passwordExpired: () => void queries.invalidateQueries({ queryKey: ['me'] }),
    })
    queries.setQueryDefaults(['key'], { gcTime: Infinity })
    return { queries, client }
  })
  return (
    <Context.Provider value={client}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </Context.Provider>
  )
}

export function useClient(): Client {
  const client = useContext(Context)
  if (!client) throw new Error('there is no session around this component')
  return client
}

/** Forgets everything the one before could see. The account's own entry stays,
 *  because the components that watch it would otherwise watch a dead one. */
function become(queries: QueryClient, user: User | null): void {
  queries.removeQueries({ predicate: (q) => q.queryKey[0] !== 'me' })
  queries.setQueryData(['me'], user)
}

/** The account, or null for nobody. */
export function useMe() {
  const client = useClient()
  return useQuery<User | null>({
    queryKey: ['me'],
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }) => {
      if (!client.maySession()) return null
      try {
        return await client.request<User>('GET', '/auth/me', { signal })
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null
        throw error
      }
    },
  })
}

export function useSignIn() {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: { email: string; password: string }) => client.request<User>('POST', '/auth/login', { body }),
    onSuccess: (user) => become(queries, user),
  })
}

export function useSignOut() {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => client.request<unknown>('POST', '/auth/logout'),
    onSettled: () => become(queries, null),
  })
}

export function useChangePassword() {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) =>
      client.request<unknown>('PUT', '/auth/me/password', { body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['me'] }),
  })
}

export function useProjects() {
  const client = useClient()
  return useQuery({
    queryKey: ['projects'],
    staleTime: 60_000,
    queryFn: ({ signal }) => client.request<Project[]>('GET', '/projects', { signal }),
  })
}

/** The widget that this server serves; null for a binary without one. */
export function useWidget() {
  return useQuery<Manifest | null>({
    queryKey: ['widget'],
    staleTime: 5 * 60_000,
    queryFn: async ({ signal }) => {
      const answer = await fetch('/widget/manifest.json', { signal, credentials: 'omit' })
      const manifest: unknown = answer.ok ? await answer.json() : null
      return isManifest(manifest) ? manifest : null
    },
  })
}

export function useCreateProject() {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: { name: string; domain: string }) => client.request<Project>('POST', '/projects', { body }),
    onSuccess: (project) => {
      queries.setQueryData(wholeKey(project.id), project.apiKey)
      return queries.invalidateQueries({ queryKey: ['projects'] })
    },
  })
}

function listOptions(client: Client, f: Filters) {
  return {
    queryKey: ['reports', toQuery(f)],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      client.request<ReportPage>('GET', '/reports', { query: toQuery(f), signal }),
  }
}

export function useReports(f: Filters, enabled = true) {
  const client = useClient()
  return useQuery({ ...listOptions(client, f), enabled, placeholderData: (before) => before })
}

/** Asks for another page now, for the step from one page's end to the next. */
export function useFetchReports() {
  const client = useClient()
  const queries = useQueryClient()
  return (f: Filters) => queries.fetchQuery(listOptions(client, f))
}

export function useReport(id: string) {
  const client = useClient()
  return useQuery({
    queryKey: ['report', id],
    queryFn: ({ signal }) => client.request<Report>('GET', `/reports/${encodeURIComponent(id)}`, { signal }),
  })
}

type Change = Partial<Pick<Report, 'status' | 'severity'>>

/** Changes a report at once on the screen, and back if the server refuses. */
export function useChangeReport(id: string) {
  const client = useClient()
  const queries = useQueryClient()
  const key = ['report', id]
  return useMutation({
    mutationFn: (body: Change) => client.request<Report>('PATCH', `/reports/${encodeURIComponent(id)}`, { body }),
    onMutate: async (body) => {
      await queries.cancelQueries({ queryKey: key })
      const before = queries.getQueryData<Report>(key)
      if (before) queries.setQueryData<Report>(key, { ...before, ...body })
      return before
    },
    onError: (_error, _body, before) => {
      if (before) queries.setQueryData(key, before)
    },
    onSuccess: (report) => queries.setQueryData(key, report),
    onSettled: () => queries.invalidateQueries({ queryKey: ['reports'] }),
  })
}

export function useDeleteReport(id: string) {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => client.request<void>('DELETE', `/reports/${encodeURIComponent(id)}`),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['reports'] }),
  })
}
