// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension Lowering {
    mutating func metrics(_ section: Section) -> MetricsSettings {
        var section = section
        var settings = MetricsSettings()
        if let node = section.take("listen"), let text = node.text("metrics.listen", &diagnostics) {
            settings.listen = SocketAddress(parsing: text)
            if settings.listen == nil {
                diagnostics.error(
                    node.position,
                    "metrics.listen is an address and a port such as 127.0.0.1:9702, not \(text.quoted)"
                )
            } else {
                diagnostics.warning(
                    node.position,
                    "metrics are not served yet",
                    remedy: "culvertctl status --json has the counters"
                )
            }
        }
        section.finish(&diagnostics)
        return settings
    }
}

extension SocketAddress {
    /// `192.0.2.1:9702` or `[2001:db8::1]:9702`.
    init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
        if isBracketed { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)), address.isV4 != isBracketed else { return nil }
        self.init(address, port: port)
    }
}
