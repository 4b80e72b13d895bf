/// A plot as SVG: axes, bands, marks and lines. A value; ``svg`` draws it.
struct Plot {
  struct Point {
    var x: Double
    var y: Double
  }

  struct Series {
    var name: String
    /// Class of the style sheet that gives the colour: `c1` … `c6`.
    var style: String
    /// Pieces without a gap; a piece of one point is drawn `dash` wide.
    var pieces: [[Point]]
    /// A value holds until the next one, rather than being on the way to it.
    var isStepped = false
    /// For the legend: what the line was in the end, or at most.
    var note = ""
  }

  struct Band {
    var name: String
    var range: ClosedRange<Double>
  }

  struct Mark {
    var label: String
    var title: String
    var x: Double
  }

  /// A stretch that says its values where the pointer is.
  struct Reading {
    var range: ClosedRange<Double>
    var text: String
  }

  private static let width = 1000.0
  private static let height = 260.0
  private static let left = 66.0
  private static let right = 18.0
  private static let top = 22.0
  private static let bottom = 42.0
  private static let characterWidth = 6.4

  var title: String
  /// Of the y axis.
  var unit: String
  var xTitle: String
  var x: Axis
  var y: Axis
  var series: [Series]
  var bands: [Band] = []
  var marks: [Mark] = []
  var readings: [Reading] = []
  /// Half the width, in units of x, of a single point.
  var dash = 0.5

  private var innerWidth: Double { Self.width - Self.left - Self.right }
  private var innerHeight: Double { Self.height - Self.top - Self.bottom }

  private func placeX(_ value: Double) -> Double {
    Self.left + min(1, max(0, x.position(value))) * innerWidth
  }

  private func placeY(_ value: Double) -> Double {
    Self.top + (1 - min(1, max(0, y.position(value)))) * innerHeight
  }

  /// A heading, a legend and the drawing.
  var html: String {
    let legend = series.map { line in
      let note =
        line.note.isEmpty ? "" : " <span class=\"note\">\(HTMLText.escaped(line.note))</span>"
      return
        "<span class=\"key\"><i class=\"\(line.style)\"></i>\(HTMLText.escaped(line.name))\(note)</span>"
    }
    return """
      <figure>
      <figcaption><h3>\(HTMLText.escaped(title)) <span class="unit">\(HTMLText.escaped(unit))</span></h3>
      <div class="legend">\(legend.joined(separator: " "))</div></figcaption>
      \(svg)
      </figure>

      """
  }

  var svg: String {
    let names = series.map(\.name).joined(separator: ", ")
    let c = HTMLText.coordinate
    return """
      <svg viewBox="0 0 \(c(Self.width)) \(c(Self.height))" role="img" \
      aria-label="\(HTMLText.escaped("\(title) (\(unit)): \(names)"))">
      <title>\(HTMLText.escaped(title))</title>
      \(drawnBands)\(drawnTicks)\(drawnSeries)\(drawnReadings)\(drawnMarks)\
      <text class="axis" x="\(c(Self.left + innerWidth / 2))" y="\(c(Self.height - 6))" \
      text-anchor="middle">\(HTMLText.escaped(xTitle))</text>
      </svg>
      """
  }

  private var drawnBands: String {
    let c = HTMLText.coordinate
    return bands.enumerated().map { index, band in
      let begin = placeX(band.range.lowerBound)
      let width = placeX(band.range.upperBound) - begin
      var text = """
        <g><title>phase \(HTMLText.escaped(band.name))</title>\
        <rect class="band\(index % 2)" x="\(c(begin))" y="\(c(Self.top))" \
        width="\(c(width))" height="\(c(innerHeight))"/>
        """
      // A name that does not fit is left to the tooltip and the table of phases.
      if Double(band.name.count) * Self.characterWidth + 6 < width {
        text +=
          "<text class=\"band\" x=\"\(c(begin + 4))\" y=\"\(c(Self.top - 7))\">\(HTMLText.escaped(band.name))</text>"
      }
      return text + "</g>\n"
    }.joined()
  }

  private var drawnTicks: String {
    let c = HTMLText.coordinate
    var text = ""
    for tick in y.ticks {
      let place = placeY(tick.value)
      let style = tick.label.isEmpty ? "minor" : "grid"
      text +=
        "<line class=\"\(style)\" x1=\"\(c(Self.left))\" x2=\"\(c(Self.width - Self.right))\" y1=\"\(c(place))\" y2=\"\(c(place))\"/>"
      if !tick.label.isEmpty {
        text +=
          "<text class=\"tick\" x=\"\(c(Self.left - 7))\" y=\"\(c(place + 4))\" text-anchor=\"end\">\(tick.label)</text>\n"
      }
    }
    for tick in x.ticks {
      let place = placeX(tick.value)
      let foot = Self.top + innerHeight
      text +=
        "<line class=\"grid\" x1=\"\(c(place))\" x2=\"\(c(place))\" y1=\"\(c(foot))\" y2=\"\(c(foot + 4))\"/>"
      // The last label would leave the picture.
      let overhang = place + Double(tick.label.count) / 2 * Self.characterWidth - Self.width
      let center = overhang > 0 ? place - overhang : place
      text +=
        "<text class=\"tick\" x=\"\(c(center))\" y=\"\(c(foot + 17))\" text-anchor=\"middle\">\(tick.label)</text>\n"
    }
    return text
  }

  private var drawnSeries: String {
    let c = HTMLText.coordinate
    return series.map { line in
      let path = line.pieces.map { piece -> String in
        guard let first = piece.first else { return "" }
        if piece.count == 1 {
          let begin = placeX(first.x - dash)
          let end = max(placeX(first.x + dash), begin + 2)
          return "M\(c(begin)) \(c(placeY(first.y)))H\(c(end))"
        }
        if line.isStepped {
          return "M\(c(placeX(first.x))) \(c(placeY(first.y)))"
            + piece.dropFirst().map { "H\(c(placeX($0.x)))V\(c(placeY($0.y)))" }.joined()
        }
        return "M"
          + piece.map { "\(c(placeX($0.x))) \(c(placeY($0.y)))" }.joined(separator: "L")
      }.joined()
      return
        "<path class=\"line \(line.style)\" d=\"\(path)\"><title>\(HTMLText.escaped(line.name))</title></path>\n"
    }.joined()
  }

  private var drawnReadings: String {
    let c = HTMLText.coordinate
    return readings.map { reading in
      let begin = placeX(reading.range.lowerBound)
      let width = placeX(reading.range.upperBound) - begin
      return
        "<rect class=\"hit\" x=\"\(c(begin))\" y=\"\(c(Self.top))\" width=\"\(c(width))\" height=\"\(c(innerHeight))\"><title>\(HTMLText.escaped(reading.text))</title></rect>\n"
    }.joined()
  }

  /// Dashed lines with numbered heads; heads that would touch hang lower.
  private var drawnMarks: String {
    let c = HTMLText.coordinate
    var text = ""
    var rowEnds: [Double] = []
    for mark in marks.sorted(by: { $0.x < $1.x }) {
      let place = placeX(mark.x)
      let row = rowEnds.firstIndex { $0 + 16 <= place } ?? min(rowEnds.count, 4)
      if row < rowEnds.count { rowEnds[row] = place } else { rowEnds.append(place) }
      let head = Self.top + 9 + Double(row) * 17
      text += """
        <g class="fault"><title>\(HTMLText.escaped(mark.title))</title>\
        <line x1="\(c(place))" x2="\(c(place))" y1="\(c(Self.top))" y2="\(c(Self.top + innerHeight))"/>\
        <circle cx="\(c(place))" cy="\(c(head))" r="7.5"/>\
        <text x="\(c(place))" y="\(c(head + 3.6))" text-anchor="middle">\(HTMLText.escaped(mark.label))</text></g>

        """
    }
    return text
  }
}
