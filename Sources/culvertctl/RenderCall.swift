// SPDX-License-Identifier: Apache-2.0
import ControlPlane

/// One call as a person reads it: a paragraph for each layer, from the outside in.
func render(_ call: CallSnapshot) -> String {
    var account = Account()
    account.heading(
        "call \(call.trace)",
        [call.state, "for \(age(call.ageSeconds))", call.user.map { "user \($0)" } ?? "user not known yet"]
    )
    describe(call.ike, &account)
    for esp in call.esp {
        account.layer("ESP", "inbound \(esp.inboundSPI), outbound \(esp.outboundSPI)")
        account.line("\(esp.transform), \(esp.encapsulated ? "in UDP" : "without UDP"), request id \(esp.requestID)")
    }
    if let l2tp = call.l2tp {
        account.layer("L2TP", "tunnel \(l2tp.tunnel), peer's \(l2tp.peerTunnel)")
        account.line("session \(l2tp.session), peer's \(l2tp.peerSession)")
        if let name = l2tp.hostName { account.line("host name \(name)") }
    }
    if let ppp = call.ppp {
        account.layer("PPP", "phase \(ppp.phase)")
        if let method = ppp.authentication { account.line("authentication \(method)") }
        account.line("peer takes packets up to \(ppp.peerMRU) bytes")
    }
    if call.innerAddress != nil || call.interface != nil || call.mtu != nil {
        let parts = [
            call.innerAddress, call.interface.map { "on \($0)" }, call.mtu.map { "MTU \($0)" },
        ].compactMap { $0 }
        account.layer("IP", parts.joined(separator: ", "))
        if let explanation = call.mtuExplanation { account.line(explanation) }
    }
    if let traffic = call.traffic {
        account.layer("traffic", "received \(amount(traffic.receivedPackets, traffic.receivedBytes))")
        account.line("sent     \(amount(traffic.sentPackets, traffic.sentBytes))")
    }
    return account.text
}

private func describe(_ ike: CallSnapshot.IKEPart, _ account: inout Account) {
    account.layer("IKE", "\(ike.peer) to \(ike.local)")
    account.line("profile \(ike.profile), \(ike.state)")
    if let identity = ike.identity { account.line("identity \(identity)") }
    if let transform = ike.transform { account.line(transform) }
    switch (ike.peerBehindNAT, ike.localBehindNAT) {
    case (false, false): account.line("no NAT between")
    case (true, false): account.line("peer behind NAT")
    case (false, true): account.line("gateway behind NAT")
    case (true, true): account.line("both ends behind NAT")
    }
}

/// `1,234 packets, 5.6 MB`.
private func amount(_ packets: UInt64, _ bytes: UInt64) -> String {
    "\(grouped(packets)) packets, \(size(bytes))"
}

/// In powers of a thousand, with one digit after the point below ten.
func size(_ bytes: UInt64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
        value /= 1_000
        unit += 1
    }
    guard unit > 0 else { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded())
    return tenths < 100 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(Int(value.rounded())) \(units[unit])"
}

/// Labels on the left, what is told on the right, broken at 80 columns.
struct Account {
    private(set) var text = ""
    private static let indent = 10
    private static let width = 80

    mutating func heading(_ title: String, _ parts: [String]) {
        text += wrapped("\(title): \(parts.joined(separator: ", "))".visible, first: "", indent: 2)
    }

    mutating func layer(_ label: String, _ line: String) {
        text += wrapped(line.visible, first: "  \(label)".padded(to: Self.indent), indent: Self.indent)
    }

    mutating func line(_ line: String) {
        layer("", line)
    }

    /// Breaks between words; a word longer than the room is cut into pieces.
    func wrapped(_ line: String, first: String, indent: Int) -> String {
        var lines: [String] = []
        var current = first
        var isFresh = true
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            var word = word
            if !isFresh, current.count + 1 + word.count > Self.width {
                lines.append(current)
                current = String(repeating: " ", count: indent)
                isFresh = true
            }
            while isFresh, current.count + word.count > Self.width {
                let room = Self.width - current.count
                lines.append(current + word.prefix(room))
                word = word.dropFirst(room)
                current = String(repeating: " ", count: indent)
            }
            current += (isFresh ? "" : " ") + word
            isFresh = false
        }
        lines.append(current)
        return lines.map { $0 + "\n" }.joined()
    }
}
