"""What the pages have in common: rows of CSV files, chosen and summed up."""


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def chosen(rows, **wanted):
    """The rows whose columns have these values; that there are none is an error."""
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    if not found:
        raise ValueError(f"no training with {wanted}")
    return found


class Cell:
    """The trainings of one cell, a seed each: shares in %."""

    def __init__(self, rows):
        self.rows = rows

    def values(self, column="test_accuracy"):
        return [100 * row[column] for row in self.rows]

    def mean(self, column="test_accuracy"):
        return mean(self.values(column))

    def low(self, column="test_accuracy"):
        return min(self.values(column))

    def high(self, column="test_accuracy"):
        return max(self.values(column))

    def gap(self):
        """Points that the running statistics lose against those of batches as in training."""
        return self.mean("own_statistics_accuracy") - self.mean()
