curl --version
test "$(curl --silent --show-error file:///proc/sys/kernel/ostype)" = Linux
