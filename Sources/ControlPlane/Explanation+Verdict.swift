// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// The one reason why a call came to nothing.
///
/// Every event that could be it has a ``Weight`` and a ``Stage``. A stage that the call reached later takes back what
/// was wrong before it. Of what is left the heaviest counts: a refusal before a silence, a silence before a complaint
/// about a message, that before the peer's goodbye; and of equals the first, since what comes after follows from it.
///
/// A call that was up needs a refusal or a loss of its last five minutes: peers that hang up end a call, and do not
/// make it fail. ESP that stood until its end without any L2TP under it is a verdict of its own.
enum Verdict: Hashable, Sendable {
    /// That event of the trace says it.
    case event(Int)
    /// The peer left, and nothing was refused; how far the call had come.
    case goodbye(Int, after: Stage?)
    /// ESP stood from the first of these events to the second.
    case noL2TP(since: Int, until: Int)
}

extension Trace {
    /// What is older is not why a call that was up went down.
    private static let hindsight: Duration = .seconds(300)

    private struct Candidate {
        var place: Int
        var weight: Weight
        var stage: Stage
    }

    /// `nil` if nothing explains a failure.
    var cause: Verdict? {
        if isOfStrangers { return entries.indices.last.map(Verdict.event) }
        var candidates: [Candidate] = []
        var reached: Stage?
        var protected: Int?
        var hasL2TP = isPartial
        let earliest = upSince.map { max($0, (downSince ?? lastAt).advanced(by: .zero - Self.hindsight)) }
        for place in entries.indices {
            let entry = entries[place]
            if let downSince, upSince != nil, entry.at > downSince { break }
            if entry.event.showsL2TP { hasL2TP = true }
            switch entry.event.meaning {
            case .milestone(let stage):
                reached = max(reached ?? stage, stage)
                if stage == .protection, protected == nil { protected = place }
                candidates.removeAll { $0.stage <= stage }
            case .up:
                candidates = []
            case .cause(let weight, let stage):
                if let earliest, entry.lastAt < earliest || weight < .loss { continue }
                candidates.append(Candidate(place: place, weight: weight, stage: stage))
            case .down, .over, .nothing:
                break
            }
        }
        guard let heaviest = candidates.map(\.weight).max(),
            let first = candidates.first(where: { $0.weight == heaviest })
        else { return nil }
        if let protected, !hasL2TP, heaviest < .refusal { return .noL2TP(since: protected, until: first.place) }
        return heaviest == .goodbye ? .goodbye(first.place, after: reached) : .event(first.place)
    }
}

extension ControlPlane.Event {
    /// Something came in through ESP.
    fileprivate var showsL2TP: Bool {
        switch self {
        case .l2tp, .ppp: true
        case .call(let event): if case .tunnelOpening = event.kind { true } else { false }
        case .ike: false
        }
    }
}
