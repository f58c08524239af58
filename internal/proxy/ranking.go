package proxy

// ranking keeps members by a number of theirs.
type ranking[T comparable] []map[T]struct{}

// move puts a member from one number to another; 0 is outside.
func (r *ranking[T]) move(member T, from, to int) {
	if from > 0 {
		delete((*r)[from], member)
	}
	for len(*r) <= to {
		*r = append(*r, nil)
	}
	if to > 0 {
		if (*r)[to] == nil {
			(*r)[to] = map[T]struct{}{}
		}
		(*r)[to][member] = struct{}{}
	}
	for len(*r) > 0 && len((*r)[len(*r)-1]) == 0 {
		*r = (*r)[:len(*r)-1]
	}
}

// first is a member with the highest number.
func (r ranking[T]) first() (member T, ok bool) {
	if len(r) == 0 {
		return member, false
	}
	for member = range r[len(r)-1] {
		break
	}
	return member, true
}
