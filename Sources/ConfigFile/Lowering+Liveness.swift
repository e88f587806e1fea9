// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

struct LivenessSection {
    /// Silence in every layer after which a peer is gone.
    var grace: Placed<Duration>?
    var deadPeerInterval: Placed<Duration>?
}

/// Where the file says after how much silence peers are asked; `nil` where it does not.
struct QuestionPositions {
    var hello: Position?
    var echo: Position?
}

extension Lowering {
    mutating func liveness(_ section: Section) -> LivenessSection {
        var section = section
        var liveness = LivenessSection()
        liveness.grace = interval("grace", of: &section, in: .seconds(30)...(.seconds(86_400)))
        liveness.deadPeerInterval = interval(
            "dead-peer-interval",
            of: &section,
            in: .seconds(5)...(.seconds(3_600))
        )
        section.finish(&diagnostics)
        return liveness
    }

    private mutating func interval(
        _ key: String,
        of section: inout Section,
        in range: ClosedRange<Duration>
    ) -> Placed<Duration>? {
        guard let node = section.take(key), let value = node.duration(key, in: range, &diagnostics) else { return nil }
        return Placed(value: value, position: node.position)
    }

    /// Who is gone before it was asked was never asked.
    mutating func relate(_ liveness: LivenessSection, to controlPlane: ControlPlane.Configuration) {
        let grace = controlPlane.ike.silenceLimit
        let intervals: [(name: String, interval: Duration, position: Position?)] = [
            ("liveness.dead-peer-interval", controlPlane.ike.deadPeerInterval, liveness.deadPeerInterval?.position),
            ("l2tp.hello-interval", controlPlane.l2tp.helloInterval, questions.hello),
            ("ppp.echo-interval", controlPlane.ppp.echoInterval, questions.echo),
        ]
        for (name, interval, position) in intervals where interval >= grace {
            diagnostics.error(
                liveness.grace?.position ?? position ?? .start,
                "liveness.grace is \(grace.text), and \(name) is \(interval.text): peers would be gone before they are asked",
                remedy: "grace is at least twice the interval"
            )
        }
    }
}

extension ControlPlane.Configuration {
    mutating func apply(_ liveness: LivenessSection) {
        ike.deadPeerInterval = liveness.deadPeerInterval?.value ?? ike.deadPeerInterval
        guard let grace = liveness.grace?.value else { return }
        ike.silenceLimit = grace
        l2tp.silenceLimit = grace
        ppp.silenceLimit = grace
    }
}
