test "$(node --print '1 + 1')" = 2
npm --version
npx --version
