import { createContext, useContext } from 'react'

/** Opens the dialog for a new project. The frame owns that dialog, because a
 *  key shown once must outlive whatever list is redrawn behind it. */
export const Creating = createContext<() => void>(() => {})

export function useCreating() {
  return useContext(Creating)
}
