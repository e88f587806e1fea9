// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives

/// Which calls of a list are wanted: those that everything given here is true of.
struct SessionFilter: Hashable {
    var user: Glob?
    var trace: Glob?
    var interface: Glob?
    var client: Glob?
    var profile: Glob?
    var state: Glob?
    var peer: IPPrefix?
    var address: IPPrefix?

    func matches(_ call: CallSnapshot) -> Bool {
        matches(user, call.user) && matches(trace, call.trace) && matches(interface, call.interface)
            && matches(client, call.ike.client) && matches(profile, call.ike.profile) && matches(state, call.state)
            && matches(peer, call.ike.peer.hostPart) && matches(address, call.innerAddress)
    }

    private func matches(_ glob: Glob?, _ text: String?) -> Bool {
        guard let glob else { return true }
        return text.map(glob.matches) ?? false
    }

    private func matches(_ prefix: IPPrefix?, _ text: String?) -> Bool {
        guard let prefix else { return true }
        return text.flatMap { IPAddress($0) }.map(prefix.contains) ?? false
    }
}

/// A name, in which `*` stands for any characters and `?` for one.
struct Glob: Hashable {
    private let pattern: [Character]

    init(_ pattern: String) {
        self.pattern = Array(pattern)
    }

    func matches(_ text: String) -> Bool {
        let text = Array(text)
        var (place, next) = (0, 0)
        // Where to go on should the last star stand for one character more.
        var retry: (place: Int, next: Int)?
        while place < text.count {
            if next < pattern.count, pattern[next] == "*" {
                retry = (place, next)
                next += 1
            } else if next < pattern.count, pattern[next] == "?" || pattern[next] == text[place] {
                place += 1
                next += 1
            } else if let star = retry {
                retry = (star.place + 1, star.next)
                (place, next) = (star.place + 1, star.next + 1)
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == "*" }
    }
}
