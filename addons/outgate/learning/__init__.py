"""The smallest registry that allows what was seen: counted by place, held against a policy, written as documents."""
