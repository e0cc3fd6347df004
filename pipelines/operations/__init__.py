"""Operations: monitoring, the retrospective and its simulation, scoring of history, replay, trials, the public page."""
