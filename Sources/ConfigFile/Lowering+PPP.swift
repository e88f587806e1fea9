// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import PPP
internal import Primitives

struct PPPSection {
    var configuration: PPP.Configuration
    var mtu = ControlPlane.Configuration.MTU.auto
    var dns: [IPAddress] = []
    var wins: [IPAddress] = []
    var clampsSegments = true
}

extension Lowering {
    mutating func ppp(_ section: Section, name: String) -> PPPSection {
        var section = section
        var ppp = PPPSection(
            configuration: PPP.Configuration(name: name, authentication: AuthenticationMethod.allCases, mru: 1500)
        )
        if let node = section.take("authentication") {
            ppp.configuration.authentication = authenticationMethods(node)
        }
        ppp.dns = section.take("dns").map { servers($0, "dns") } ?? []
        ppp.wins = section.take("wins").map { servers($0, "wins") } ?? []
        if let node = section.take("mtu") {
            if case .scalar("auto", _) = node.content {
                ppp.mtu = .auto
            } else if let value = node.integer("mtu, if not auto,", in: 576...1_500, &diagnostics) {
                ppp.mtu = .fixed(UInt16(value))
                ppp.configuration.mru = UInt16(value)
            }
        }
        if let node = section.take("clamp-mss"), let value = node.boolean("clamp-mss", &diagnostics) {
            ppp.clampsSegments = value
        }
        if let node = section.take("echo-interval"),
            let value = node.duration("echo-interval", in: .seconds(1)...(.seconds(3_600)), &diagnostics)
        {
            ppp.configuration.echoInterval = value
            questions.echo = node.position
        }
        if let node = section.take("set-up-timeout"),
            let value = node.duration("set-up-timeout", in: .seconds(5)...(.seconds(600)), &diagnostics)
        {
            ppp.configuration.setUpTimeout = value
        }
        if let node = section.take("authentication-tries"),
            let value = node.integer("authentication-tries", in: 1...10, &diagnostics)
        {
            ppp.configuration.authenticationTries = value
        }
        section.finish(&diagnostics)
        return ppp
    }

    /// Never empty without an error.
    private mutating func authenticationMethods(_ node: Document.Node) -> [AuthenticationMethod] {
        var methods: [AuthenticationMethod] = []
        guard let elements = node.elements("ppp.authentication", &diagnostics) else { return methods }
        for element in elements {
            if case .scalar("eap", _) = element.content {
                diagnostics.warning(element.position, "eap is not supported yet, and is not offered")
                continue
            }
            guard let method: AuthenticationMethod = element.choice("an entry of ppp.authentication", &diagnostics)
            else { continue }
            if methods.contains(method) {
                diagnostics.error(element.position, "ppp.authentication lists \(method.rawValue) twice")
            } else {
                methods.append(method)
            }
        }
        if methods.isEmpty {
            let words = AuthenticationMethod.allCases.map(\.rawValue).joined(separator: ", ")
            diagnostics.error(
                node.position,
                "ppp.authentication lists no method to use",
                remedy: "name one of \(words)"
            )
        }
        return methods
    }

    private mutating func servers(_ node: Document.Node, _ what: String) -> [IPAddress] {
        let servers = node.addresses(what, &diagnostics)
        for (index, server) in servers.enumerated() {
            if !server.address.isV4 {
                diagnostics.error(
                    server.position,
                    "\(what) \(server.address) is IPv6: peers are told about IPv4 servers only"
                )
            } else if server.address.isUnspecified || server.address.isMulticast {
                diagnostics.error(server.position, "\(what) \(server.address) is no address of a machine")
            } else if index == 2 {
                diagnostics.warning(server.position, "peers are told about the first two servers of \(what) only")
            }
        }
        return servers.map(\.address)
    }
}
