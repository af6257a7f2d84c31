// go-smtp's server: peer_go PORT.  It takes every message and drops it.  The backend is that of its releases before
// 0.16, which is what Debian has.
package main

import (
	"io"
	"log"
	"os"

	"github.com/emersion/go-smtp"
)

type taker struct{}

func (taker) Login(state *smtp.ConnectionState, username, password string) (smtp.Session, error) {
	return taker{}, nil
}

func (taker) AnonymousLogin(state *smtp.ConnectionState) (smtp.Session, error) { return taker{}, nil }

func (taker) Reset() {}

func (taker) Logout() error { return nil }

func (taker) Mail(from string, options smtp.MailOptions) error { return nil }

func (taker) Rcpt(to string) error { return nil }

func (taker) Data(text io.Reader) error {
	_, err := io.Copy(io.Discard, text)
	return err
}

func main() {
	server := smtp.NewServer(taker{})
	server.Addr = "127.0.0.1:" + os.Args[1]
	server.Domain = "mx.example.org"
	server.MaxMessageBytes = 1 << 30
	server.AuthDisabled = true
	server.EnableSMTPUTF8 = true
	log.Fatal(server.ListenAndServe())
}
