// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension Lowering {
    mutating func metrics(_ section: Section) -> MetricsSettings {
        var section = section
        var settings = MetricsSettings()
        let page = section.take("page")
        let isPage = page.flatMap { $0.boolean("metrics.page", &diagnostics) } ?? false
        if let node = section.take("listen"), let text = node.text("metrics.listen", &diagnostics) {
            settings.listen = SocketAddress(parsing: text)
            if settings.listen == nil {
                diagnostics.error(
                    node.position,
                    "metrics.listen is an address and a port such as 127.0.0.1:9702, not \(text.quoted)"
                )
            } else if let listen = settings.listen, !listen.address.isLoopback {
                diagnostics.warning(
                    node.position,
                    "everybody who reaches \(listen) reads the metrics\(isPage ? ", and who is connected" : ""): "
                        + "nobody is asked who he is",
                    remedy: "listen on 127.0.0.1:\(listen.port), and let a reverse proxy ask"
                )
            }
        } else if isPage, let page {
            diagnostics.error(page.position, "metrics.page needs metrics.listen: the page is served there")
        }
        settings.page = isPage
        section.finish(&diagnostics)
        return settings
    }
}

extension IPAddress {
    /// Of this machine alone: 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && (low == 1 || low >> 24 == 0xFF_FF7F)
        }
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
