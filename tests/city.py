"""What a made-up city adds to the rules and the signals: words that no shipped file holds."""

OWN_RULE = '\n[[rule]]\nid = "zorb-launcher"\nclass = "weapon"\nwords = ["zorb launcher"]\nnote = "A test."\n'
OWN_SIGNAL = """
[[signal]]
id = "river-walk"
group = "welfare"
sentence = "Is at the river walk at night"
reason = "A local place where people stay overnight."
patterns = ["{at|on} the river walk"]
fires = ["at the river walk", "on the river walk", "two at the river walk", "at the river walk x2", "all on the river walk"]
silent = ["at the river", "walks home", "on the walk"]
"""
