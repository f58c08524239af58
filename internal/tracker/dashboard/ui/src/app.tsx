// The application's table of contents.

import { Component, lazy, Suspense, useEffect, type ReactNode } from 'react'
import { Redirect, Route, Switch, useLocation, useSearch } from 'wouter'
import { SessionProvider, useMe } from './api/session'
import { localPath, otherPage } from './filters'
import { NewPassword } from './pages/new-password'
import { BugList } from './pages/list'
import { Missing } from './pages/missing'
import { Shell } from './pages/shell'
import { SignIn } from './pages/sign-in'
import { Fault } from './parts/fault'
import { ToastProvider } from './parts/toast'
import { TextProvider, useText } from './text/text'

const ReportPage = lazy(() => import('./pages/report'))
const Projects = lazy(() => import('./pages/projects'))
const ProjectSettings = lazy(() => import('./pages/project-settings'))

export function App() {
  return (
    <TextProvider>
      <Boundary>
        <SessionProvider>
          <ToastProvider>
            <Gate />
          </ToastProvider>
        </SessionProvider>
      </Boundary>
    </TextProvider>
  )
}

/** Shows what the account may see: nothing, a new password, or the product. */
function Gate() {
  const me = useMe()
  const [path] = useLocation()
  const search = useSearch()
  if (me.isPending) return null
  if (me.isError) return <Fault alone error={me.error} retry={() => void me.refetch()} />
  if (me.data === null) {
    if (path === '/sign-in') return <SignIn />
    const here = path + (search && `?${search}`)
    return <Redirect to={here === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(here)}`} replace />
  }
  if (me.data.mustChangePassword) return <NewPassword email={me.data.email} />
  if (path === '/sign-in') {
    const next = localPath(new URLSearchParams(search).get('next'), location.origin)
    return otherPage(next) ? <Leave to={next} /> : <Redirect to={next} replace />
  }
  return (
    <Shell user={me.data}>
      <Boundary key={path}>
        <Suspense fallback={null}>
          <Switch>
            <Route path="/">
              <Redirect to="/bugs" replace />
            </Route>
            <Route path="/bugs" component={BugList} />
            <Route path="/bugs/:id">{({ id }) => <ReportPage key={id} id={id} />}</Route>
            <Route path="/projects" component={Projects} />
            <Route path="/projects/:id/settings">{({ id }) => <ProjectSettings key={id} id={id} />}</Route>
            <Route>
              <Missing />
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  )
}

/** Goes to a page that is none of this application, with the fragment of the address: it
 *  came with the visitor, and a server does not see it. */
function Leave({ to }: { to: string }) {
  useEffect(() => location.replace(to + location.hash), [to])
  return null
}

/** Keeps an unexpected error from blanking the page. */
class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null }

  static getDerivedStateFromError(error: unknown) {
    return { error }
  }

  override render() {
    return this.state.error === null ? this.props.children : <Crash error={this.state.error} />
  }
}

function Crash({ error }: { error: unknown }) {
  const { t } = useText()
  useEffect(() => {
    document.title = `${t.fault.crash} · ${t.product}`
  }, [t])
  return <Fault alone error={error} retry={() => location.reload()} />
}
