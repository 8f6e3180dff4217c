"""Whether a fit can be trusted, how well it predicts, and how fits compare; on trees and arrays."""
