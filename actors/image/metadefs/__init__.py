"""Definitions of metadata [Glance: metadefs]: which properties images, flavors and volumes may have, said for people.

The image room keeps them and gives them out; nobody's boot depends on one. All of it is loaded when it is first asked
for, so that a cloud without definitions has no memory in them.
"""
