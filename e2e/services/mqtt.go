package services

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const mqttInstall = "apt-get install mosquitto"

var mqttIn = []string{"/usr/sbin", "/usr/local/sbin"}

// MQTT starts a Mosquitto broker and returns its address. Only the user "spin"
// may use it, with a password.
func MQTT(t testing.TB, password string) string {
	t.Helper()
	find(t, "mosquitto", mqttInstall, mqttIn...)
	dir := t.TempDir()
	users := filepath.Join(dir, "users")
	if out, err := exec.Command(find(t, "mosquitto_passwd", mqttInstall, mqttIn...), "-b", "-c", users, "spin", password).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
	}
	if err := os.Chmod(users, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	return server{
		program: "mosquitto", in: mqttIn, install: mqttInstall, ready: " running", user: true,
		args: func(port string) []string {
			settings := filepath.Join(dir, "settings-"+port)
			text := "listener " + port + " 127.0.0.1\nallow_anonymous false\npassword_file " + users + "\npersistence false\nlog_dest stderr\nlog_type all\n"
			if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return []string{"-c", settings}
		},
	}.start(t)
}
