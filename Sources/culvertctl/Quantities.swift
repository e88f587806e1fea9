// SPDX-License-Identifier: Apache-2.0

/// The two largest units: `3d 4h`, `5m 6s`, `7s`.
func age(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-" }
    let seconds = Int(seconds)
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3_600: return "\(seconds / 60)m \(seconds % 60)s"
    case ..<86_400: return "\(seconds / 3_600)h \(seconds % 3_600 / 60)m"
    default: return "\(seconds / 86_400)d \(seconds % 86_400 / 3_600)h"
    }
}

extension Double {
    /// Of seconds.
    var asAge: String { age(self) }
}

/// With a comma between thousands.
func grouped(_ value: some BinaryInteger) -> String {
    var text = ""
    for (index, digit) in "\(value)".reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

/// In powers of 1,024, with one digit after the point below ten.
func size(_ bytes: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1_023.5, unit < units.count - 1 {
        value /= 1_024
        unit += 1
    }
    guard unit > 0 else { return "\(bytes) B" }
    let tenths = Int((value * 10).rounded())
    return tenths < 100 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(Int(value.rounded())) \(units[unit])"
}
