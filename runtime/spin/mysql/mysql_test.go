package mysql

import "testing"

func TestParseAddress(t *testing.T) {
	tests := map[string]address{
		"mysql://h": {host: "h", port: 3306},
		"mysql://me:p%40s@h:1/db?ssl-mode=DISABLED": {host: "h", port: 1, user: "me", password: "p@s", database: "db"},
		"mysql://me@[::1]/db?sslMode=VERIFY_CA":     {host: "::1", port: 3306, user: "me", database: "db", tls: true},
		"mysql://h?pool_max=1&tcp_nodelay=true":     {host: "h", port: 3306},
	}
	for text, want := range tests {
		if got, err := parseAddress(text); err != nil || got != want {
			t.Errorf("%s = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "h", "h:1", "mysql:", "mysql://", "mysql://h:0", "mysql://h:x", "mysqlx://h", "mysql://h?tls=custom", "mysql://h?%zz", "mysql://%zz"} {
		if got, err := parseAddress(text); err == nil {
			t.Errorf("%s = %+v, want an error", text, got)
		}
	}
}

// A session goes to the next guest only if nothing on it can have changed it.
func TestKeeps(t *testing.T) {
	for statement, want := range map[string]bool{
		"SELECT 1": true, " select\t1": false, "\n(SELECT 1)": true, "insert into t values (1)": true, "WITH a AS (SELECT 1) SELECT * FROM a": true,
		"": false, "SET x = 1": false, "SELECT @a := 1": false, "SELECT 1 INTO @a": false, "BEGIN": false, "START TRANSACTION": false, "USE x": false,
		"CALL p()": false, "LOCK TABLES t READ": false, "SELECT * FROM t FOR UPDATE": true, "SELECT GET_LOCK('a', 1)": false, "/* c */ SET x=1": false,
		"create temporary table t (n int)": false, "PREPARE s FROM 'x'": false, "SELECTED": false,
	} {
		if keeps(statement) != want {
			t.Errorf("%q: %v", statement, !want)
		}
	}
}
