# Where `pixi global install` puts programs.
case ":$PATH:" in
    *":$HOME/.pixi/bin:"*) ;;
    *) PATH="$HOME/.pixi/bin:$PATH" ;;
esac
