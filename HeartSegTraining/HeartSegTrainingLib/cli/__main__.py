"""`python -m HeartSegTrainingLib.cli`: the command line where no console script is, such as under torchrun."""

from HeartSegTrainingLib.cli import main

if __name__ == "__main__":
    main()
