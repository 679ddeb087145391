package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// terminal reports whether there is a person to ask.
func (s stdio) terminal() bool {
	in, ok := s.In.(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

// ask asks for a line; an empty one means otherwise.
func (s stdio) ask(question, otherwise string) (string, error) {
	fmt.Fprintf(s.Err, "%s [%s]: ", question, otherwise)
	line, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil && !(errors.Is(err, io.EOF) && line != "") {
		return "", fmt.Errorf("no answer: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return otherwise, nil
	}
	return line, nil
}

// confirm asks a question that an empty line answers with yes.
func (s stdio) confirm(question string) (bool, error) {
	answer, err := s.ask(question+" [yes/no]", "yes")
	if err != nil {
		return false, err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

func envBool(name string) bool {
	b, err := strconv.ParseBool(os.Getenv(name))
	return err == nil && b
}
