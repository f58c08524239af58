build:
	go build -o bin/bugspark ./cmd/bugspark
