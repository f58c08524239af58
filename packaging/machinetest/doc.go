// Package machinetest holds only tests: the packages, installed and used on
// clean machines as an administrator would.
package machinetest
