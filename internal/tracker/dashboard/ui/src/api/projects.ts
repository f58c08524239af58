// Projects as their settings see them.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Project } from './types'
import { useClient } from './session'

/** Every project of the account, those that are switched off too. */
export function useAllProjects() {
  const client = useClient()
  return useQuery({
    queryKey: ['projects', 'all'],
    queryFn: ({ signal }) => client.request<Project[]>('GET', '/projects', { query: { include_inactive: 'true' }, signal }),
  })
}

export function useProject(id: string) {
  const client = useClient()
  return useQuery({
    queryKey: ['project', id],
    queryFn: ({ signal }) => client.request<Project>('GET', `/projects/${encodeURIComponent(id)}`, { signal }),
  })
}

type Change = Partial<{ name: string; domain: string; is_active: boolean }>

export function useChangeProject(id: string) {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: Change) => client.request<Project>('PATCH', `/projects/${encodeURIComponent(id)}`, { body }),
    onSuccess: (project) => {
      queries.setQueryData(['project', id], project)
      void queries.invalidateQueries({ queryKey: ['reports'] }) // those of a project that is off are not listed
      return queries.invalidateQueries({ queryKey: ['projects'] })
    },
  })
}

/** Makes a new key; the old one ends at once. */
export function useRotateKey(id: string) {
  const client = useClient()
  const queries = useQueryClient()
  return useMutation({
    mutationFn: () => client.request<Project>('POST', `/projects/${encodeURIComponent(id)}/rotate-key`),
    onSuccess: (project) => {
      queries.setQueryData(wholeKey(id), project.apiKey)
      return queries.invalidateQueries({ queryKey: ['project', id] })
    },
    onError: () => queries.invalidateQueries({ queryKey: ['project', id] }), // it may have been made all the same
  })
}

/** Where the whole key of a project stays for as long as this tab is open and signed in:
 *  the server tells it once. */
export function wholeKey(id: string) {
  return ['key', id]
}

/** The whole key, if it is still the project's: another tab may have made a new one. */
export function useWholeKey(project: Project): string | undefined {
  const { data } = useQuery<string>({ queryKey: wholeKey(project.id), enabled: false, staleTime: Infinity, gcTime: Infinity })
  return data?.startsWith(project.apiKey.replace(/[.…]+$/, '')) ? data : undefined
}
