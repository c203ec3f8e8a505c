"""It imports what is not there."""
import jsom
