// A table for people: columns as wide as their widest cell, two blanks between them, no blanks at line ends.
#pragma once

#include <string>
#include <vector>

namespace meridian::cli {

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row header): rows_{std::move(header)} {}

  // As many cells as the header has.
  void add(Row row);
  std::string text() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace meridian::cli
