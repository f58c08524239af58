// Package houserules holds no code, only tests: the rules of this house that a
// compiler does not check.
package houserules
