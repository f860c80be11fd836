# Sourced by the scripts beside this folder: puts what requirements.txt lists into $work/venv, unless it is there.
mkdir -p "$work"
# The list is put into the environment last: where it is, everything on it is.
if ! cmp -s $here/requirements.txt "$work/venv/requirements.txt"; then
  python3 -m venv --clear "$work/venv"
  "$python" -m pip install --quiet --requirement $here/requirements.txt
  cp $here/requirements.txt "$work/venv/requirements.txt"
fi
export PYTHONDONTWRITEBYTECODE=1
